import {
  diag,
  type MeterProvider,
  metrics,
  type ProxyTracerProvider,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import { PACKAGE_VERSION } from '../util/package-version.ts';
import { perThread } from '../util/per-thread.ts';
import { Subscriptions } from './subscriptions.ts';
import { TaskMetrics } from './task-metrics.ts';
import { makeSpans } from './task-spans.ts';

/**
 * Holds the options of `BackgroundTasksInstrumentation`.
 *
 * @since 0.1.0
 */
export interface BackgroundTasksInstrumentationConfig {
  /**
   * Sets how the span of an attempt belongs to the span of the request that added the task.
   *
   * @default 'child' for tasks of the process, even after the request has ended; 'link' for durable tasks
   */
  relation?: 'child' | 'link';
  /**
   * Makes metrics too.
   *
   * @default true
   */
  metrics?: boolean;
  /**
   * Sets whether the instrumentation begins at once.
   *
   * `false`: it begins with `enable`, which the SDK calls when it starts.
   *
   * @default true
   */
  enabled?: boolean;
}

const NAME = 'nestjs-background-tasks';

/** The instrumentation that makes the spans and metrics. Two would make each of them twice. */
const shared = perThread('instrumentation', (): { stop?: (() => void) | undefined; hasWarned?: boolean } => ({}));

/**
 * Makes OpenTelemetry's spans and metrics of the tasks of all applications in the process.
 *
 * It patches nothing: it subscribes to the package's diagnostics channels.
 *
 * Register it in each process that adds or runs tasks, and in the files of tasks for threads whose code makes spans. If
 * there are two, `diag` has a warning. Then the one that was enabled last, or got a provider last, makes all spans and
 * metrics.
 *
 * @example
 * new NodeSDK({ instrumentations: [new BackgroundTasksInstrumentation()] }).start();
 *
 * @since 0.1.0
 */
export class BackgroundTasksInstrumentation {
  readonly instrumentationName = NAME;
  readonly instrumentationVersion = PACKAGE_VERSION;
  /** New ones at each start: the former ones stay until the spans that they have begun are over. */
  #subscriptions = new Subscriptions();
  #config: BackgroundTasksInstrumentationConfig;
  /** Stays `true` while another instrumentation has taken over. */
  #isEnabled = false;
  /** Until a provider is set, the API's tracer uses the provider of the process, even if it is registered later. */
  #tracer = trace.getTracer(NAME, PACKAGE_VERSION);
  #meterProvider?: MeterProvider;
  #metrics: TaskMetrics | undefined;

  constructor(config: BackgroundTasksInstrumentationConfig = {}) {
    this.#config = withDefaults(config);
    if (this.#config.enabled) {
      this.enable();
    }
  }

  /** Subscribes to the channels, once. */
  enable(): void {
    this.#isEnabled = true;
    if (!this.#subscriptions.isEmpty) {
      return;
    }
    if (shared.stop) {
      shared.stop();
      if (!shared.hasWarned) {
        shared.hasWarned = true;
        diag.warn(
          `${NAME}: expected one enabled BackgroundTasksInstrumentation, got another one. ` +
            'Only the latest one makes spans and metrics. Make one, and give it to the SDK.',
        );
      }
    }
    shared.stop = this.#stop;
    this.#subscriptions = new Subscriptions();
    makeSpans(
      this.#subscriptions,
      () => this.#tracer,
      () => this.#config.relation,
    );
    if (this.#config.metrics ?? true) {
      this.#metrics = new TaskMetrics((this.#meterProvider ?? metrics).getMeter(NAME, PACKAGE_VERSION));
      this.#metrics.subscribe(this.#subscriptions);
    }
  }

  /** Ends what `enable` began. Spans of running tasks end with their attempt. */
  disable(): void {
    this.#isEnabled = false;
    this.#stop();
  }

  setTracerProvider(provider: TracerProvider): void {
    // Until the process has a provider, the API gives a stand-in. Sentry passes the stand-in of another copy of the API, which
    // never finds the provider that is registered later. The stand-in of this copy finds it.
    const isStandIn = 'getDelegateTracer' in provider && !(provider as ProxyTracerProvider).getDelegateTracer(NAME);
    this.#tracer = (isStandIn ? trace : provider).getTracer(NAME, PACKAGE_VERSION);
    this.#restart();
  }

  setMeterProvider(provider: MeterProvider): void {
    this.#meterProvider = provider;
    this.#restart();
  }

  /**
   * Replaces the options.
   *
   * `enabled: false` disables the instrumentation. `true` does not enable it again: call `enable`.
   */
  setConfig(config: BackgroundTasksInstrumentationConfig): void {
    this.#config = withDefaults(config);
    if (this.#config.enabled) {
      this.#restart();
    } else {
      this.disable();
    }
  }

  getConfig(): BackgroundTasksInstrumentationConfig {
    return this.#config;
  }

  readonly #stop = (): void => {
    if (shared.stop === this.#stop) {
      shared.stop = undefined;
    }
    this.#subscriptions.end();
    this.#metrics?.remove();
    this.#metrics = undefined;
  };

  #restart(): void {
    if (this.#isEnabled) {
      this.#stop();
      this.enable();
    }
  }
}

function withDefaults(config: BackgroundTasksInstrumentationConfig): BackgroundTasksInstrumentationConfig {
  return { ...config, enabled: config.enabled ?? true };
}
