// The application of the reader: what the examples of the guides use and don't define. It holds no export of a package,
// so an example that forgets an import does not compile.

declare global {
  /** What the classes of the reader inject: an example with `this` is part of such a class. */
  abstract class Application {
    protected readonly tasks: import('nestjs-background-tasks').BackgroundTasks;
    protected readonly runner: import('nestjs-background-tasks').TaskRunner;
    protected readonly registry: import('nestjs-background-tasks').TaskRegistry;
    protected readonly dataSource: import('typeorm').DataSource;
    protected readonly txHost: { tx: import('typeorm').EntityManager };
    protected readonly logger: import('@nestjs/common').Logger;
    protected readonly mailer: Mailer;
    protected readonly audit: Audit;
    protected readonly metrics: Metrics;
    protected readonly orders: Orders;
    protected readonly reports: Reports;
    protected readonly cats: { findAll(tasks: import('nestjs-background-tasks').BackgroundTasks): string[] };
  }

  class Mailer {
    static sent: string[];
    sendWelcome(email: string): Promise<void>;
    sendReceipt(orderId: string): Promise<void>;
    sendConfirmation(orderId: string): Promise<void>;
    sendInvoice(invoiceId: string): Promise<void>;
  }
  class Audit {
    record(method: string, path: string): Promise<void>;
  }
  class Metrics {
    count(type: string, name: string): void;
    push(id: string): Promise<void>;
  }
  class Orders {
    archive(id: string): Promise<void>;
    save(order: Order): Promise<void>;
    reserve(order: Order): Promise<void>;
  }
  class Report {
    render(id: string): Promise<string>;
  }
  class Reports {
    build(id: string): Promise<string>;
    rebuild(): Promise<void>;
  }
  class Invoices {
    static isDown: boolean;
    send(id: number): Promise<string>;
  }
  class UsersController {
    constructor(tasks: import('nestjs-background-tasks').BackgroundTasks, mailer: Mailer);
    register(body: { email: string }): { email: string };
  }
  class AppModule {}
  class AuthModule {}
  class FeatureModule {}
  class WorkerModule {}
  class AdminGuard {
    canActivate(): boolean;
  }
  class StaffGuard {
    canActivate(): boolean;
  }

  class Order {
    id: string;
    item: string;
  }
  class CreateOrder {
    item: string;
  }
  interface WithManager {
    manager: import('typeorm').EntityManager;
  }
  interface AuthenticatedRequest {
    user: { roles: string[] };
  }
  interface Row {
    id: string;
  }
  class BadAddressError extends Error {}

  const app: import('@nestjs/platform-express').NestExpressApplication;
  const moduleRef: import('@nestjs/testing').TestingModule;
  const request: typeof import('supertest');
  const tasks: import('nestjs-background-tasks').BackgroundTasks;
  const runner: import('nestjs-background-tasks').TaskRunner;
  const registry: import('nestjs-background-tasks').TaskRegistry;
  const metrics: Metrics;
  const spanProcessors: import('@opentelemetry/sdk-trace-node').SpanProcessor[];
  const connection: string;
  const order: Order;
  const invoice: Order;
  const id: string;
  const email: string;
  const orderId: string;
  const method: string;
  const path: string;
  const rows: number[];
  const image: ArrayBuffer;

  function sendWelcome(email: string): Promise<void>;
  function sendReceipt(orderId: string): Promise<void>;
  function bookPayment(orderId: string): Promise<void>;
  function remind(email: string): Promise<void>;
  function reindex(): Promise<void>;
  function countVisit(): void;
  function processData(): Promise<void>;
  function insert(row: Row, options: { signal: AbortSignal }): Promise<void>;
  function resize(id: string): Promise<void>;
  function isAllowed(path: string): boolean;

  /** An example that is a part of the options of a module. */
  type ApplicationOptions = Partial<
    import('nestjs-background-tasks').BackgroundTasksModuleOptions &
      import('nestjs-background-tasks/bullmq').BullMqTasksModuleOptions &
      import('nestjs-background-tasks/dashboard').DashboardModuleOptions
  >;
}
