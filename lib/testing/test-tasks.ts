import { TaskAssertions } from './task-assertions.ts';
import type { UnitTasksOptions } from './test-options.ts';
import { UnitTasks } from './unit-tasks.ts';

/**
 * Shows what an application under test has added, and runs it. `TestTasksModule` provides it.
 *
 * @example
 * const tasks = moduleRef.get(TestTasks);
 * tasks.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
 * await tasks.run();
 *
 * @since 0.1.0
 */
export class TestTasks extends TaskAssertions {
  /**
   * Makes what a unit test without Nest needs: `BackgroundTasks`, a `TaskRunner`, a `TaskRegistry`.
   *
   * Tasks run when the test calls `run()`.
   *
   * @example
   * const unit = TestTasks.unit();
   * const controller = new UsersController(unit.tasks, mailer);
   * controller.register('ada@example.com');
   * unit.expectAdded(mailer, 'sendWelcome', 'ada@example.com');
   * await unit.run();
   */
  static unit(options: UnitTasksOptions = {}): UnitTasks {
    return new UnitTasks(options);
  }
}
