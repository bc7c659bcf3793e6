import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { QueuePort } from '../durable/queue-port.ts';
import { ModuleImportError } from '../errors/module.errors.ts';
import { TASK_CONTROL } from '../execution/task-control.ts';
import { noteCopy } from '../util/copies.ts';
import { InlineInterceptor } from './inline.interceptor.ts';
import { MemoryJobs } from './memory/memory-jobs.ts';
import {
  MEMORY_QUEUE_OPTIONS,
  type MemoryQueueOptions,
  memoryQueueOptions,
  MemoryTaskQueue,
} from './memory/memory-task-queue.ts';
import { TestControl } from './test-control.ts';
import { TestTasks } from './test-tasks.ts';
import { checkModule, type TestTasksModuleOptions } from './test-options.ts';
import { coreNotImported, kitImportedTwice } from './testing.messages.ts';

noteCopy();

/**
 * Lets a test see and run the tasks of the application.
 *
 * Import it in the testing module, beside the modules of the application. Its queue is in memory and replaces that of
 * `BullMqTasksModule`, which then opens no connection.
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
        if (core.host.isReplaced) {
          throw new ModuleImportError(kitImportedTwice());
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
   * Returns the module with these options. Each has a default.
   *
   * @throws InvalidOptionError if an option is unknown or wrong
   */
  static forRoot(options: TestTasksModuleOptions = {}): DynamicModule {
    const { mode = 'background' } = checkModule(options);
    // The engine needs the control, and the queue needs the engine. So the control can't have the queue, and asks `jobs`.
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
