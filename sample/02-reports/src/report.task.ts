import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { currentTask, defineTask } from 'nestjs-background-tasks/task';
// oxlint-disable-next-line import/no-named-as-default -- its types declare only the default export
import PDFDocument from 'pdfkit';

const ROWS = 45;

/** Writes a sales report as a PDF. The file appears under its name only when it is complete. */
export const renderReport = defineTask(
  async function renderReport(file: string, title: string, pages: number) {
    const unfinished = `${file}.unfinished`;
    const document = new PDFDocument({ size: 'A4', margin: 50, bufferPages: false });
    const written = pipeline(document, createWriteStream(unfinished));
    for (let page = 1; page <= pages; page++) {
      if (page > 1) {
        document.addPage();
      }
      renderPage(document, title, page, pages);
      currentTask()?.updateProgress(page / pages);
    }
    document.end();
    await written;
    await rename(unfinished, file);
    return { file, pages };
  },
  { thread: import.meta.url, timeout: 60_000 },
);

function renderPage(document: PDFKit.PDFDocument, title: string, page: number, pages: number): void {
  document.font('Helvetica-Bold').fontSize(16).text(title).moveDown(0.5);
  document.font('Helvetica').fontSize(9);
  for (let row = 0; row < ROWS; row++) {
    const number = (page - 1) * ROWS + row + 1;
    const amount = (number * 7_919) % 100_000;
    const y = document.y;
    document.text(`Order ${number}`, 50, y, { width: 150 });
    document.text(`Customer ${(number * 31) % 997}`, 200, y, { width: 200 });
    document.text((amount / 100).toFixed(2), 400, y, { width: 145, align: 'right' });
  }
  document.text(`${page} of ${pages}`, 50, 780, { align: 'center', lineBreak: false });
}
