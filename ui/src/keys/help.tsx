import { Dialog } from '../parts/dialog.tsx';
import { isHelpOpen } from './keys.ts';

const sections: [string, [string[], string][]][] = [
  [
    'Go to',
    [
      [['g', 'o'], 'Overview'],
      [['g', 't'], 'Tasks'],
      [['g', 'q'], 'Queues'],
      [['g', 's'], 'Schedules'],
      [['/'], 'Search tasks'],
      [['?'], 'These keys'],
    ],
  ],
  [
    'In the list of tasks',
    [
      [['j'], 'Next task'],
      [['k'], 'Previous task'],
      [['Enter'], 'Open the task'],
      [['x'], 'Select the task'],
      [['n'], 'Show new tasks'],
      [['Esc'], 'Clear the selection'],
    ],
  ],
  [
    'Act on a task, or on the selected ones',
    [
      [['c'], 'Cancel'],
      [['r'], 'Retry'],
    ],
  ],
];

export function KeyHelp() {
  if (!isHelpOpen.value) {
    return null;
  }
  return (
    <Dialog title="Keys" onClose={() => (isHelpOpen.value = false)} isWide>
      <div class="key-help">
        {sections.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([combination, label]) => (
                <div key={label}>
                  <dt>
                    {combination.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
