// Packages of examples that are not installed here, because they want a later Node or are large.

declare module '@opentelemetry/sdk-node' {
  export class NodeSDK {
    constructor(options: { instrumentations: object[] });
    start(): void;
    shutdown(): Promise<void>;
  }
}

declare module '@opentelemetry/instrumentation-http' {
  export class HttpInstrumentation {}
}

declare module '@sentry/nestjs' {
  export function init(options: {
    dsn: string | undefined;
    tracesSampleRate: number;
    openTelemetryInstrumentations: object[];
  }): void;
  export function captureException(error: unknown, hint: { tags: object }): void;
}
