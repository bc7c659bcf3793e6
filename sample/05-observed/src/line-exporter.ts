import { type SpanContext, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';

/** Writes each span as one line: its trace, what it is, how long it took, and what went wrong. */
export class LineExporter implements SpanExporter {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    spans.forEach((span) => this.#write(lineOf(span)));
    // 0: the spans are exported.
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {}
}

function lineOf(span: ReadableSpan): string {
  const attempt = span.attributes['background_tasks.task.attempt'];
  const [seconds, nanoseconds] = span.duration;
  return [
    traceOf(span.spanContext()),
    `${span.name} (${SpanKind[span.kind]})`,
    ...(attempt === undefined ? [] : [`attempt ${String(attempt)}`]),
    `${Math.round(seconds * 1_000 + nanoseconds / 1e6)} ms`,
    ...span.links.map(({ context }) => `linked to ${traceOf(context)}`),
    ...(span.status.code === SpanStatusCode.ERROR ? [`ERROR ${span.status.message ?? ''}`] : []),
  ].join(' · ');
}

const traceOf = ({ traceId }: SpanContext) => `trace ${traceId.slice(0, 8)}`;
