import type { FlowProducer } from 'bullmq';

/** What a transaction returns for one job: its error, and its id or a negative code. */
export type AddResult = readonly [error: Error | null, idOrCode: unknown];

/** The part of BullMQ's FlowProducer that its types hide. */
interface Inside {
  readonly backend: { addFlow(entries: unknown): Promise<readonly AddResult[]> };
}

/**
 * Makes `FlowProducer.addBulk` reject when the server refused a job. BullMQ ignores the results, so the caller would believe
 * that its jobs are in the queue.
 *
 * @param onRefused called with the server's error: mostly it comes inside a result, where the driver does not see it
 */
export function throwFlowErrors(flows: FlowProducer, onRefused: (error: Error) => void): void {
  const { backend } = flows as unknown as Inside;
  const addFlow = backend.addFlow.bind(backend);
  backend.addFlow = (entries) => addedBy(addFlow(entries), onRefused);
}

/** @throws the server's error, or one that names BullMQ's code, if the server refused the transaction or a job */
export async function addedBy(
  transaction: Promise<readonly AddResult[]>,
  onRefused: (error: Error) => void,
): Promise<readonly AddResult[]> {
  try {
    const results = await transaction;
    for (const [error, idOrCode] of results) {
      if (error) {
        throw error;
      }
      if (typeof idOrCode === 'number' && idOrCode < 0) {
        throw new Error(`BullMQ's code ${idOrCode}`);
      }
    }
    return results;
  } catch (error) {
    onRefused(error as Error);
    throw error;
  }
}
