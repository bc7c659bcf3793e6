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
