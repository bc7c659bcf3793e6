import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { BackgroundTasksInstrumentation } from 'nestjs-background-tasks/otel';
import { LineExporter } from './line-exporter.ts';

/** Writes what requests and tasks do, one line for each span. Call it before the application starts. */
export function startTracing(write: (line: string) => void): BackgroundTasksInstrumentation {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new LineExporter(write))] }).register();
  return new BackgroundTasksInstrumentation();
}

/** Makes a span of each request. In your application, `@opentelemetry/instrumentation-http` does that. */
export function traceRequests(
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
  next: () => void,
): void {
  const name = `${request.method} ${request.originalUrl ?? request.url}`;
  const span = trace.getTracer('requests').startSpan(name, { kind: SpanKind.SERVER });
  response.once('close', () => span.end());
  context.with(trace.setSpan(context.active(), span), next);
}
