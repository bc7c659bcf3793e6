import type { FlowProducer } from 'bullmq';

/** One result for each job: its error, and its id or a negative code. */
type FlowResult = readonly [error: Error | null, idOrCode: unknown];

/** The part of BullMQ's FlowProducer that its types hide. */
interface Inside {
  readonly backend: { addFlow(entries: unknown): Promise<readonly FlowResult[]> };
}

/**
 * Makes `FlowProducer.addBulk` reject when the server refused a job. BullMQ ignores the results, so the caller would believe
 * that its jobs are in the queue.
 *
 * @param onRefused called with the server's error: it comes inside a result, where the driver does not see it
 */
export function throwFlowErrors(flows: FlowProducer, onRefused: (error: Error) => void): void {
  const { backend } = flows as unknown as Inside;
  const addFlow = backend.addFlow.bind(backend);
  backend.addFlow = async (entries) => {
    const results = await addFlow(entries);
    for (const [error, idOrCode] of results) {
      if (error) {
        onRefused(error);
        throw error;
      }
      if (typeof idOrCode === 'number' && idOrCode < 0) {
        throw new Error(`BullMQ's code ${idOrCode}`);
      }
    }
    return results;
  };
}
