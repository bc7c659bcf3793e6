import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

function stayOn(cores) {
  try {
    execFileSync('taskset', ['-acp', cores, `${process.pid}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Keeps this process, and all that it starts from now on, on one core. With two, an answer wakes up the core of the client, or
 * doesn't if the client is still at work: that is up to half of what a request costs, and depends on the speed of both.
 *
 * @returns false where the program `taskset` is missing: it is part of Linux
 */
export const useOneCore = () => stayOn('0');

export const useAllCores = () => stayOn(`0-${cpus().length - 1}`);
