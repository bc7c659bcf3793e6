import { type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api';
import { Subscriptions } from './subscriptions.ts';
import { TaskMetrics } from './task-metrics.ts';
import { makeSpans, type Relation } from './task-spans.ts';

/**
 * Options of `BackgroundTasksInstrumentation`.
 *
 * @since 0.1.0
 */
export interface BackgroundTasksInstrumentationConfig {
  /**
   * How the span of an attempt belongs to the span of the request that added the task.
   *
   * @default 'child' for tasks of the process, though the request has ended; 'link' for durable tasks
   */
  relation?: 'child' | 'link';
  /** @default true */
  metrics?: boolean;
  /** Whether it begins at once. @default true */
  enabled?: boolean;
}

const NAME = 'nestjs-background-tasks';
const VERSION = '0.1.0';

/**
 * Makes OpenTelemetry's spans and metrics of the tasks of all applications in the process. It patches nothing: it subscribes
 * to the package's diagnostics channels.
 *
 * Register it in each process that adds or runs tasks, and in the files of tasks for threads whose code makes spans.
 *
 * @example
 * new NodeSDK({ instrumentations: [new BackgroundTasksInstrumentation()] }).start();
 *
 * @since 0.1.0
 */
export class BackgroundTasksInstrumentation {
  readonly instrumentationName = NAME;
  readonly instrumentationVersion = VERSION;
  /** Others at each `enable`: the former ones stay until the spans that they have begun are over. */
  #subscriptions = new Subscriptions();
  #config: BackgroundTasksInstrumentationConfig;
  /** Until a provider is set, the API passes its spans on to the provider of the process, also to one that comes later. */
  #tracer = trace.getTracer(NAME, VERSION);
  #meterProvider?: MeterProvider;
  #metrics: TaskMetrics | undefined;

  constructor(config: BackgroundTasksInstrumentationConfig = {}) {
    this.#config = { enabled: true, ...config };
    if (this.#config.enabled) {
      this.enable();
    }
  }

  /** Subscribes to the channels, once. */
  enable(): void {
    if (!this.#subscriptions.isEmpty) {
      return;
    }
    this.#subscriptions = new Subscriptions();
    const relation = (): Relation | undefined => this.#config.relation;
    makeSpans(this.#subscriptions, () => this.#tracer, relation);
    if (this.#config.metrics ?? true) {
      this.#metrics = new TaskMetrics((this.#meterProvider ?? metrics).getMeter(NAME, VERSION));
      this.#metrics.subscribe(this.#subscriptions);
    }
  }

  /** Ends what `enable` began. Spans of tasks that run end with their attempt. */
  disable(): void {
    this.#subscriptions.end();
    this.#metrics?.remove();
    this.#metrics = undefined;
  }

  setTracerProvider(provider: TracerProvider): void {
    this.#tracer = provider.getTracer(NAME, VERSION);
  }

  setMeterProvider(provider: MeterProvider): void {
    this.#meterProvider = provider;
    this.#restart();
  }

  setConfig(config: BackgroundTasksInstrumentationConfig): void {
    this.#config = { enabled: true, ...config };
    this.#restart();
  }

  getConfig(): BackgroundTasksInstrumentationConfig {
    return this.#config;
  }

  #restart(): void {
    if (!this.#subscriptions.isEmpty) {
      this.disable();
      this.enable();
    }
  }
}
