import { defineTask } from 'nestjs-background-tasks/task';
import PDFDocument = require('pdfkit');
import { buffer } from 'stream/consumers';
import { isMainThread } from 'worker_threads';

export interface Profile {
  email: string;
  createdAt: Date;
}

/** Runs in a worker thread: a long document would keep the event loop busy. */
export const renderProfile = defineTask(
  async function renderProfile({ email, createdAt }: Profile): Promise<Uint8Array> {
    const pdf = new PDFDocument({ info: { Title: isMainThread ? 'main thread' : 'worker thread' } });
    pdf.text(`${email}, since ${createdAt.toISOString()}`);
    pdf.end();
    return buffer(pdf);
  },
  { thread: __filename },
);
