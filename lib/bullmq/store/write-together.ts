import type { Redis } from 'ioredis';
import { setImmediate } from '../../util/timers.ts';

/** The parts of a client of ioredis that this file needs. */
export type CommandSender = Pick<Redis, 'stream' | 'status' | 'sendCommand'>;

/**
 * Lets a client of ioredis send all commands of one turn of the event loop by one write. Otherwise each command is a system
 * call of its own, and each answer another one: under load, that is a third of what a small job costs the process.
 */
export function writeTogether(client: CommandSender): void {
  const send = client.sendCommand.bind(client);
  let isHeld = false;
  client.sendCommand = (...args) => {
    // Before it is ready, the client sends only its own commands, and they must not wait.
    if (!isHeld && client.status === 'ready') {
      isHeld = true;
      // A lost connection comes back with another socket.
      const { stream } = client;
      stream.cork();
      setImmediate(() => {
        isHeld = false;
        stream.uncork();
      });
    }
    return send(...args);
  };
}
