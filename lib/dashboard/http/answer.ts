import { Logger } from '@nestjs/common';
import { TaskFilterError } from '../../errors/request.errors.ts';
import { InvalidOptionError } from '../../errors/task.errors.ts';
import { UnavailableError } from '../../errors/unavailable.errors.ts';
import { stackOf } from '../../util/error-text.ts';
import { queueUnknown, requestFailed, somethingFailed } from '../dashboard.messages.ts';
import { ApiError } from './api-error.ts';
import type { Exchange } from './exchange.ts';

/** No inline code or style, nothing from elsewhere, and no other page may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const logger = new Logger('BackgroundTasks');

/** With these headers, an application lets pages of other sites read its answers. No other site may read the dashboard's. */
const CROSS_ORIGIN = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Expose-Headers',
];

/** Writes the head of a response. */
export function writeHead({ response }: Exchange, status: number, headers: { [name: string]: string }): void {
  CROSS_ORIGIN.forEach((name) => response.removeHeader(name));
  const all = {
    'Content-Security-Policy': POLICY,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    ...headers,
  };
  for (const [name, value] of Object.entries(all)) {
    response.setHeader(name, value);
  }
  response.statusCode = status;
}

export function answer(exchange: Exchange, status: number, type: string, body: string | Buffer, headers = {}): void {
  writeHead(exchange, status, {
    'Content-Type': type,
    'Content-Length': `${Buffer.byteLength(body)}`,
    ...headers,
  });
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : body);
}

/** Answers with the JSON of what a function returns, or with the error that it throws. */
export async function answerJson(exchange: Exchange, read: () => unknown): Promise<void> {
  let [status, body]: [number, unknown] = [200, undefined];
  try {
    body = await read();
  } catch (thrown) {
    const { status: failed, code, message } = apiErrorOf(thrown);
    [status, body] = [failed, { message, code }];
  }
  answer(exchange, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) {
    return thrown;
  }
  if (thrown instanceof UnavailableError) {
    return new ApiError(503, 'UNAVAILABLE', thrown.message);
  }
  // The dashboard checks its other parameters itself, so these errors refuse the name of a queue.
  if (thrown instanceof TaskFilterError || thrown instanceof InvalidOptionError) {
    return new ApiError(404, 'UNKNOWN_QUEUE', queueUnknown());
  }
  logger.error(requestFailed(), stackOf(thrown));
  return new ApiError(500, 'FAILED', somethingFailed());
}
