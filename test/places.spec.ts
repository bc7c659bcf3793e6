import { afterAll, describe, onTestFinished, test } from 'vitest';
import { exceptionIn, type Behaviour } from './fixtures/places/behaviour.ts';
import { afterTheAnswer } from './fixtures/places/behaviours/after-the-answer.ts';
import { apart } from './fixtures/places/behaviours/apart.ts';
import { clientLeaves } from './fixtures/places/behaviours/client-leaves.ts';
import { closing } from './fixtures/places/behaviours/closing.ts';
import { failures } from './fixtures/places/behaviours/failures.ts';
import { oneCollection } from './fixtures/places/behaviours/one-collection.ts';
import { order } from './fixtures/places/behaviours/order.ts';
import { refusedTasks } from './fixtures/places/behaviours/refused-tasks.ts';
import { runOn } from './fixtures/places/behaviours/run-on.ts';
import { singleTasks } from './fixtures/places/behaviours/single-tasks.ts';
import { withoutAMessage } from './fixtures/places/behaviours/without-a-message.ts';
import { places } from './fixtures/places/places.ts';
import { Table } from './fixtures/places/table.ts';

const behaviours: readonly Behaviour[] = [
  ...afterTheAnswer,
  ...order,
  ...apart,
  ...oneCollection,
  ...runOn,
  ...clientLeaves,
  ...failures,
  ...singleTasks,
  ...refusedTasks,
  ...withoutAMessage,
  ...closing,
];

const table = new Table(behaviours, places);

for (const place of places) {
  describe(`${place.name}, ${place.scope}`, () => {
    for (const behaviour of behaviours) {
      const { name } = behaviour;
      const exception = exceptionIn(place, behaviour);
      if (exception && !exception.instead) {
        table.mark(behaviour, place, '–');
        continue;
      }
      test(exception ? `${name}: what happens instead` : name, async () => {
        onTestFinished(({ task }) =>
          table.mark(behaviour, place, task.result?.state !== 'pass' ? '✗' : exception ? '–' : '✓'),
        );
        await (exception ? exception.instead!(place) : behaviour.run(place));
      });
    }
  });
}

// Written to stdout directly, because vitest adds lines of its own to the output of console.
afterAll(() => void process.stdout.write(`\n${table.toString()}\n`));
