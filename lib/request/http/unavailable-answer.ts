import type { ServerResponse } from 'node:http';

/** Seconds, as the header `Retry-After` has them. */
export const RETRY_AFTER = '1';

/** How the answer changes before it is sent. */
export interface UnavailableAnswer {
  /** Whether a 503 closes the connection: the client's next request then reaches another process. */
  isClosing: boolean;
  /** Whether an answer below 400 becomes a 503. */
  isForced: boolean;
}

const answerKey = Symbol('BackgroundTasks.unavailable');

type AnsweringResponse = ServerResponse & { [answerKey]?: UnavailableAnswer };

/**
 * Asks the client to try again later, if the answer is a 503. A handler that catches the error may give another answer.
 */
export function answerUnavailable(response: AnsweringResponse, { isClosing, isForced }: UnavailableAnswer): void {
  const answer = response[answerKey];
  if (answer) {
    answer.isClosing ||= isClosing;
    answer.isForced ||= isForced;
  } else {
    patchHead(response, (response[answerKey] = { isClosing, isForced }));
  }
}

/**
 * Patch of `writeHead`: filters and interceptors may change the status until the head is written, and no event comes
 * just before that. Node calls `writeHead` for an implicit head too.
 */
function patchHead(response: ServerResponse, answer: UnavailableAnswer): void {
  // oxlint-disable-next-line typescript/unbound-method -- applied to its response below
  const { writeHead } = response;
  response.writeHead = (...[status, ...others]: [number, ...never[]]) => {
    response.writeHead = writeHead;
    const given = answer.isForced && status < 400 ? 503 : status;
    if (given === 503 && !response.headersSent) {
      response.setHeader('Retry-After', RETRY_AFTER);
      if (answer.isClosing) {
        response.setHeader('Connection', 'close');
      }
    }
    return writeHead.apply(response, [given, ...others] as never);
  };
}
