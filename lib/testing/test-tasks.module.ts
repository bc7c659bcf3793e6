import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { QueuePort } from '../durable/queue-port.ts';
import { ModuleImportError } from '../errors/module.errors.ts';
import { InvalidOptionError } from '../errors/task.errors.ts';
import { TASK_CONTROL } from '../execution/task-control.ts';
import { noteCopy } from '../util/copies.ts';
import { describe } from '../util/inspect.ts';
import { InlineInterceptor } from './inline.interceptor.ts';
import { MemoryJobs } from './memory/memory-jobs.ts';
import {
  MEMORY_QUEUE_OPTIONS,
  type MemoryQueueOptions,
  memoryQueueOptions,
  MemoryTaskQueue,
} from './memory/memory-task-queue.ts';
import { TestControl, type TestMode } from './test-control.ts';
import { TestTasks } from './test-tasks.ts';
import { coreNotImported, unknownMode } from './testing.messages.ts';

noteCopy();

const MODES: ReadonlySet<TestMode> = new Set<TestMode>(['background', 'inline', 'manual']);

/**
 * Options of `TestTasksModule`.
 *
 * @since 0.1.0
 */
export interface TestTasksModuleOptions {
  /**
   * When tasks run.
   *
   * @default 'background'
   */
  readonly mode?: TestMode;
}

/**
 * Lets a test see and run the tasks of the application. Import it in the testing module, beside the modules of the
 * application. Its queue, in memory, stands in for that of `BullMqTasksModule`, which then opens no connection.
 *
 * @example
 * const moduleRef = await Test.createTestingModule({
 *   imports: [AppModule, TestTasksModule.forRoot({ mode: 'manual' })],
 * }).compile();
 * const tasks = moduleRef.get(TestTasks);
 *
 * @since 0.1.0
 */
@Global()
@Module({
  providers: [
    MemoryJobs,
    {
      provide: MemoryTaskQueue,
      inject: [MEMORY_QUEUE_OPTIONS, MemoryJobs, { token: QueuePort, optional: true }],
      useFactory: (options: MemoryQueueOptions, jobs: MemoryJobs, core?: QueuePort) => {
        if (!core) {
          throw new ModuleImportError(coreNotImported());
        }
        return new MemoryTaskQueue(options, jobs, core);
      },
    },
    {
      provide: TestTasks,
      inject: [TASK_CONTROL, MemoryTaskQueue],
      useFactory: (control: TestControl, queue: MemoryTaskQueue) => new TestTasks(control, queue),
    },
  ],
  exports: [TestTasks, TASK_CONTROL],
})
export class TestTasksModule {
  /**
   * Returns the module.
   *
   * @throws InvalidOptionError if the mode is unknown
   */
  static forRoot({ mode = 'background' }: TestTasksModuleOptions = {}): DynamicModule {
    if (!MODES.has(mode)) {
      throw new InvalidOptionError(unknownMode(describe(mode)));
    }
    // The engine needs the control, and the queue needs the engine: so the control asks `jobs`.
    return {
      module: TestTasksModule,
      providers: [
        {
          provide: TASK_CONTROL,
          inject: [MemoryJobs],
          useFactory: (jobs: MemoryJobs) => new TestControl(mode, (id) => jobs.thrownBy(id)),
        },
        { provide: MEMORY_QUEUE_OPTIONS, useValue: memoryQueueOptions(mode) },
        ...(mode === 'inline' ? [{ provide: APP_INTERCEPTOR, useClass: InlineInterceptor }] : []),
      ],
    };
  }
}
