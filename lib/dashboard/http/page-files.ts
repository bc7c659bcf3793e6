import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleImportError } from '../../errors/module.errors.ts';
import { nothingHere, pageMissing } from '../dashboard.messages.ts';
import { answer } from './answer.ts';
import { ApiError } from './api-error.ts';
import { type Exchange, paramOf } from './exchange.ts';

/** Injection token of the folder with the files of the page. Tests give another one. */
export const PAGE_FOLDER = Symbol('PAGE_FOLDER');

const TYPES: { readonly [extension: string]: string } = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** The files that gzip makes smaller. */
const IS_TEXT = /^(text|image\/svg)/;

interface PageFile {
  readonly type: string;
  readonly content: Buffer;
  readonly gzipped: Buffer | undefined;
}

/** Serves the page and its files, which it reads once. */
@Injectable()
export class PageFiles implements OnModuleInit {
  #index = '';
  readonly #assets = new Map<string, PageFile>();

  constructor(@Inject(PAGE_FOLDER) private readonly folder: string) {}

  /** @throws ModuleImportError if the files are missing */
  async onModuleInit(): Promise<void> {
    try {
      this.#index = await readFile(join(this.folder, 'index.html'), 'utf8');
      for (const name of await readdir(join(this.folder, 'assets'))) {
        this.#assets.set(name, await readPageFile(join(this.folder, 'assets', name)));
      }
    } catch {
      throw new ModuleImportError(pageMissing(this.folder));
    }
  }

  /** @param depth how many segments of the path come after the path of the dashboard */
  sendIndex(exchange: Exchange, depth: number): void {
    const base = escaped(baseOf(exchange, depth));
    // A function, because a path may have signs such as `$&`.
    const html = this.#index.replaceAll('{{base}}', () => base);
    answer(exchange, 200, 'text/html; charset=utf-8', html);
  }

  /** @throws ApiError */
  sendAsset(exchange: Exchange): void {
    const file = this.#assets.get(paramOf(exchange, 'file'));
    if (!file) {
      throw new ApiError(404, 'NOT_FOUND', nothingHere());
    }
    const { type, content, gzipped } = file;
    const isZipped = gzipped !== undefined && /\bgzip\b/.test(String(exchange.request.headers['accept-encoding']));
    answer(exchange, 200, type, isZipped ? gzipped : content, {
      // The names change with the content. `private`, because guards protect the files.
      'Cache-Control': 'private, max-age=31536000, immutable',
      Vary: 'Accept-Encoding',
      ...(isZipped && { 'Content-Encoding': 'gzip' }),
    });
  }
}

async function readPageFile(path: string): Promise<PageFile> {
  const content = await readFile(path);
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  return { type, content, gzipped: IS_TEXT.test(type) ? await promisify(gzip)(content) : undefined };
}

/** A prefix that a proxy has removed from the path. A text of another form could lead to another host. */
const PREFIX = /^(\/[\w.~-]+)+$/;

/** The path of the dashboard for the browser: the path of the request, up to the end of the dashboard's own path. */
function baseOf({ request, path }: Exchange, depth: number): string {
  const segments = path.replace(/\/+$/, '').split('/');
  const base = segments.slice(0, segments.length - depth).join('/');
  const prefix = request.headers['x-forwarded-prefix'];
  return typeof prefix === 'string' && PREFIX.test(prefix) ? `${prefix}${base}` : base;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"'`]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
