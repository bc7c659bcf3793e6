import type { Redis } from 'ioredis';
import { now, setTimeout } from '../../util/timers.ts';

/** In version 5 of ioredis, there is no `isSettled`: a command that has failed is dropped from the list at its deadline. */
type Command = Parameters<Redis['sendCommand']>[0] & { readonly isSettled?: boolean };

/**
 * Fails the commands of a client that the server doesn't answer in time. The option `commandTimeout` of ioredis does the same,
 * with a timer for each command and a property that it deletes: that is 3 % of what a request with one durable task needs.
 */
export function limitCommands(client: Pick<Redis, 'sendCommand'>, ms: number): void {
  const send = client.sendCommand.bind(client);
  // In the order in which they were sent, which is also the order of the answers.
  const sent: { readonly command: Command; readonly due: number }[] = [];
  let isTimed = false;

  function time(delay: number): void {
    isTimed = true;
    // The connection keeps the process alive.
    setTimeout(failLate, delay).unref();
  }

  function failLate(): void {
    const at = now();
    while (sent.length > 0 && (sent[0]!.due <= at || isSettled(sent[0]!.command))) {
      const { command } = sent.shift()!;
      if (!isSettled(command)) {
        command.reject(new Error('Command timed out'));
      }
    }
    isTimed = false;
    if (sent.length > 0) {
      time(Math.ceil(sent[0]!.due - at));
    }
  }

  client.sendCommand = (command, ...others) => {
    while (sent.length > 0 && isSettled(sent[0]!.command)) {
      sent.shift();
    }
    sent.push({ command, due: now() + ms });
    if (!isTimed) {
      time(ms);
    }
    return send(command, ...others);
  };
}

function isSettled({ isSettled: isOver, isResolved }: Command): boolean {
  return isOver ?? isResolved;
}
