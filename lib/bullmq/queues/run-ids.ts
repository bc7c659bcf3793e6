/*
 * BullMQ gives the runs of a schedule ids that anybody can guess: `repeat:<name of the task>:<time>`. Records and handles
 * show another id for them, which has the form of all ids of tasks: the name and the time, encrypted with a secret that only
 * the queue knows. Nobody can guess such an id, and no map of ids is needed to find the run again.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { TaskCatalog } from '../../durable/task-catalog.ts';
import { isTaskId } from '../../task/model/task-record.ts';
import { now } from '../../util/timers.ts';
import type { TaskJob } from '../jobs/task-job.ts';
import { BullMqConnection } from '../store/bullmq-connection.ts';
import { BullMqQueues } from './bullmq-queues.ts';
import { nameOfVersion } from './schedule-versions.ts';

const ALGORITHM = 'aes-128-ecb';
const FIELD = 'nestjs-background-tasks.secret';

/** ms after which a secret is read again: the server can have come back empty. */
const KEPT_FOR = 60_000;

/** The parts of the one block that is encrypted, in bytes. The rest is zero, which tells such an id from all others. */
const NAME_SIZE = 8;
const TIME_SIZE = 6;
const BLOCK_SIZE = 16;

/** Translates between BullMQ's ids of scheduled runs and those that records show. */
@Injectable()
export class RunIds {
  /** By the name of the queue. */
  readonly #secrets = new Map<string, { readonly secret: Buffer; readonly readAt: number }>();

  constructor(
    private readonly connection: BullMqConnection,
    private readonly catalog: TaskCatalog,
    private readonly queues: BullMqQueues,
  ) {}

  /**
   * Reads the queue's secret, or makes it.
   *
   * @param maxAge ms since this process has last read it
   */
  async load(queueName: string, maxAge = KEPT_FOR): Promise<void> {
    if (this.#known(queueName, maxAge)) {
      return;
    }
    // A server that has come back empty gets the former secret, so that all processes go on with the same ids.
    const secret = this.#known(queueName) ?? randomBytes(BLOCK_SIZE);
    const { statements } = this.connection;
    const queue = this.queues.of(queueName);
    this.#keep(queueName, await this.connection.answered(statements.setMetaOnce(queue, FIELD, secret.toString('hex'))));
  }

  /** The id that records show. The secret of the queue has to be loaded. */
  of(job: TaskJob): string {
    const { repeatJobKey: name } = job;
    const id = job.id!;
    const { secret } = this.#secrets.get(job.queueName) ?? {};
    // The name first, since most jobs are no runs of a schedule.
    if (name === undefined || !secret || isTaskId(id)) {
      return id;
    }
    const block = Buffer.alloc(BLOCK_SIZE);
    hashOf(name).copy(block);
    block.writeUIntBE(Number(id.slice(id.lastIndexOf(':') + 1)), NAME_SIZE, TIME_SIZE);
    const cipher = createCipheriv(ALGORITHM, secret, null).setAutoPadding(false);
    const hex = Buffer.concat([cipher.update(block), cipher.final()]).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** Reads such an id. @returns BullMQ's id of the run; `undefined` if it is not the id of a run of this queue */
  async read(queue: Queue, id: string): Promise<string | undefined> {
    const backend = queue.backend as unknown as QueueMeta;
    let secret = this.#known(queue.name, KEPT_FOR);
    if (!secret) {
      const hex = await backend.getQueueMetaField(FIELD);
      secret = hex === null ? this.#known(queue.name) : this.#keep(queue.name, hex);
    }
    if (!secret) {
      return undefined;
    }
    const decipher = createDecipheriv(ALGORITHM, secret, null).setAutoPadding(false);
    const block = Buffer.concat([decipher.update(Buffer.from(id.replaceAll('-', ''), 'hex')), decipher.final()]);
    if (block.readUIntBE(NAME_SIZE + TIME_SIZE, BLOCK_SIZE - NAME_SIZE - TIME_SIZE) !== 0) {
      return undefined;
    }
    const isNamed = (name: string | undefined) =>
      name !== undefined && hashOf(name).equals(block.subarray(0, NAME_SIZE));
    const name =
      this.catalog.repeating.map(([it]) => it).find(isNamed) ??
      // The code of another process can know more tasks.
      Object.keys(await backend.getQueueMeta())
        .map(nameOfVersion)
        .find(isNamed);
    return name === undefined ? undefined : `repeat:${name}:${block.readUIntBE(NAME_SIZE, TIME_SIZE)}`;
  }

  /** @param maxAge ms since this process has last read it */
  #known(queueName: string, maxAge = Infinity): Buffer | undefined {
    const known = this.#secrets.get(queueName);
    return known && now() - known.readAt < maxAge ? known.secret : undefined;
  }

  #keep(queueName: string, hex: string): Buffer {
    const secret = Buffer.from(hex, 'hex');
    this.#secrets.set(queueName, { secret, readAt: now() });
    return secret;
  }
}

interface QueueMeta {
  getQueueMeta(): Promise<{ [field: string]: string }>;
  getQueueMetaField(field: string): Promise<string | null>;
}

function hashOf(name: string): Buffer {
  return createHash('sha256').update(name).digest().subarray(0, NAME_SIZE);
}
