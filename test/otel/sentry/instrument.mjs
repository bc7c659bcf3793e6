import * as Sentry from '@sentry/nestjs';
import { BackgroundTasksInstrumentation } from 'nestjs-background-tasks/otel';

/** What would be sent to Sentry. */
globalThis.sent = { transactions: [], errors: [] };

Sentry.init({
  dsn: 'http://key@127.0.0.1:1/1',
  tracesSampleRate: 1,
  transport: () => ({ send: async () => ({}), flush: async () => true }),
  beforeSendTransaction: (event) => {
    globalThis.sent.transactions.push(event);
    return event;
  },
  beforeSend: (event) => {
    globalThis.sent.errors.push(event);
    return event;
  },
  openTelemetryInstrumentations: [new BackgroundTasksInstrumentation()],
});
