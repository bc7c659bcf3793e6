import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Holds a folder for this process until it is released, or the process ends or is killed. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Locks a folder by listening to a socket whose name is a hash of the path.
 *
 * A file with a process id would stay when the process is killed. A later process can have the same id, such as after a
 * restart of a container.
 *
 * @returns `undefined` if the folder is locked already, by this process or another
 */
export async function lockFolder(folder: string, platform = process.platform): Promise<FolderLock | undefined> {
  const name = addressOf(await realpath(folder), platform);
  const server = (await listen(name)) ?? ((await isLeftBehind(name, platform)) ? await listen(name) : undefined);
  return (
    server && {
      async release() {
        server.close();
        await once(server, 'close');
      },
    }
  );
}

function addressOf(folder: string, platform: NodeJS.Platform): string {
  const name = `nestjs-background-tasks-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  if (platform === 'win32') {
    return `\\\\.\\pipe\\${name}`;
  }
  // On Linux an abstract socket, which is gone with its process.
  return platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
}

async function listen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    // Otherwise the workers of a cluster would share the socket.
    server.listen({ path, exclusive: true });
    await once(server, 'listening');
    return server.unref();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw error;
    }
    return undefined;
  }
}

/** Whether the socket is the file of a killed process. Then it also removes the file. */
async function isLeftBehind(path: string, platform: NodeJS.Platform): Promise<boolean> {
  if (platform === 'linux' || platform === 'win32') {
    return false;
  }
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    await unlink(path);
    return true;
  } finally {
    socket.destroy();
  }
}
