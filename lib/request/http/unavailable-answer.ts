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

const answerKey = Symbol('BackgroundTasks.unavailable');

type AnsweringResponse = ServerResponse & { [answerKey]?: UnavailableAnswer };

/** Has the client come again later, if the answer is a 503 in the end: a handler can catch the error that is to make one. */
export function answerUnavailable(response: AnsweringResponse, { isClosing, isForced }: UnavailableAnswer): void {
  const answer = response[answerKey];
  if (answer) {
    answer.isClosing ||= isClosing;
    answer.isForced ||= isForced;
  } else {
    patchHead(response, (response[answerKey] = { isClosing, isForced }));
  }
}

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
