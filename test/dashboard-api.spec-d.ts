import { expectTypeOf, test } from 'vitest';
import type * as api from '../lib/dashboard/dashboard.api.ts';
import type { TaskSchedule } from '../lib/durable/task-queue.ts';
import type * as wire from '../ui/src/api/wire.ts';

test('the page of the dashboard reads what the server sends', () => {
  expectTypeOf<api.Hello>().toExtend<wire.Hello>();
  expectTypeOf<api.Update>().toExtend<wire.Update>();
  expectTypeOf<api.Overview>().toExtend<wire.Overview>();
  expectTypeOf<api.TaskPage>().toExtend<wire.TaskPage>();
  expectTypeOf<api.TaskView>().toExtend<wire.TaskDetails>();
  expectTypeOf<TaskSchedule>().toExtend<wire.Schedule>();
});
