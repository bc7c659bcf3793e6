import type { ServerResponse } from 'node:http';

/** s after which a client may try again what was refused. */
const RETRY_AFTER = '1';

/** What becomes of an answer that is about to be given. */
export interface UnavailableAnswer {
  /** Whether the client's next request is to go by another connection, and so to another process. */
  isClosing: boolean;
  /** Whether the answer is a 503, even if the handler says otherwise. */
  isForced: boolean;
}

/** Has the client come again later, if the answer is a 503 in the end: a handler can catch the error that is to make one. */
export function answerUnavailable(response: ServerResponse, { isClosing, isForced }: UnavailableAnswer): void {
  // oxlint-disable-next-line typescript/unbound-method -- applied to its response below
  const { writeHead } = response;
  response.writeHead = (...[status, ...others]: [number, ...never[]]) => {
    response.writeHead = writeHead;
    const given = isForced && status < 400 ? 503 : status;
    if (given === 503 && !response.headersSent) {
      response.setHeader('Retry-After', RETRY_AFTER);
      if (isClosing) {
        response.setHeader('Connection', 'close');
      }
    }
    return writeHead.apply(response, [given, ...others] as never);
  };
}
