import { bodyUnreadable } from '../dashboard.messages.ts';
import { ApiError } from './api-error.ts';
import type { Exchange } from './exchange.ts';

/** The most bytes that a body may have. */
const MAX = 100_000;

/**
 * Reads the body of an action. The application may have no parser, or one for other types.
 *
 * @throws ApiError
 */
export async function jsonBodyOf(exchange: Exchange): Promise<{ readonly [name: string]: unknown }> {
  const { body } = exchange;
  // A raw parser of the application gives bytes.
  const given = Buffer.isBuffer(body) ? body.toString() : body;
  const found = typeof given === 'string' ? parsed(given) : (given ?? parsed(await unparsed(exchange)));
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    throw new ApiError(400, 'BAD_REQUEST', bodyUnreadable());
  }
  return { ...found };
}

async function unparsed({ request }: Exchange): Promise<string> {
  if (request.readableEnded || request.destroyed) {
    return '';
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Not destroyed at the end: that would cut the connection before the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > MAX) {
        break;
      }
    }
  } catch {
    // A client that leaves in the middle is no failure of the dashboard.
    throw new ApiError(400, 'BAD_REQUEST', bodyUnreadable());
  }
  if (size > MAX) {
    throw new ApiError(413, 'BAD_REQUEST', bodyUnreadable());
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text || '{}');
  } catch {
    throw new ApiError(400, 'BAD_REQUEST', bodyUnreadable());
  }
}
