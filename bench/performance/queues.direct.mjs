import { createPostgresBackend, Queue, Worker } from 'bullmq';

/** BullMQ without this package, on the same server and with the same kind of connection. */
const placeOf = (url, prefix) =>
  url.startsWith('postgres')
    ? [{ connection: { connectionString: url, schema: prefix } }, createPostgresBackend]
    : [{ prefix, connection: { url, maxRetriesPerRequest: null } }];

export function directQueue(name, url, prefix) {
  return new Queue(name, ...placeOf(url, prefix));
}

export function directWorker(name, url, prefix, processor, options) {
  const [place, backend] = placeOf(url, prefix);
  return new Worker(name, processor, Object.assign(place, options), backend);
}
