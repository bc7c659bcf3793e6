import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { currentTask, defineTask } from 'nestjs-background-tasks/task';
// oxlint-disable-next-line import/no-named-as-default -- its types declare only the default export
import PDFDocument from 'pdfkit';

export interface ReportRow {
  id: number;
  product: string;
  email: string;
  total: number;
  at: Date;
}

const ROWS_A_PAGE = 45;

// #region report
/** Runs in a worker thread: drawing keeps a processor busy, and the event loop has to answer others. */
export const renderReport = defineTask(
  async function renderReport(file: string, rows: ReportRow[]) {
    const document = new PDFDocument({ size: 'A4', margin: 50 });
    const written = pipeline(document, createWriteStream(`${file}.unfinished`));
    for (let start = 0; start < rows.length; start += ROWS_A_PAGE) {
      drawPage(document, rows.slice(start, start + ROWS_A_PAGE), start > 0);
      currentTask()?.updateProgress({ done: Math.min(start + ROWS_A_PAGE, rows.length), of: rows.length });
    }
    document.end();
    await written;
    await rename(`${file}.unfinished`, file); // the file has its name only when it is whole
    return { orders: rows.length };
  },
  { thread: import.meta.url, timeout: 60_000 },
);
// #endregion

function drawPage(document: PDFKit.PDFDocument, rows: ReportRow[], isLater: boolean): void {
  if (isLater) {
    document.addPage();
  }
  document.font('Helvetica-Bold').fontSize(16).text('Harbour Coffee: orders').moveDown(0.5);
  document.font('Helvetica').fontSize(9);
  for (const { id, product, email, total, at } of rows) {
    const { y } = document;
    document.text(`${id}`, 50, y, { width: 40 });
    document.text(at.toISOString().slice(0, 16).replace('T', ' '), 90, y, { width: 90 });
    document.text(product, 185, y, { width: 130 });
    document.text(email, 320, y, { width: 150 });
    document.text((total / 100).toFixed(2), 475, y, { width: 70, align: 'right' });
  }
}
