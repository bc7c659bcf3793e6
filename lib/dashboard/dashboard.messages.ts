export const notImportedByForRoot = () =>
  'BackgroundTasksDashboardModule: expected an import with options, got one without. ' +
  'Import BackgroundTasksDashboardModule.forRoot({ guards: [AdminGuard] }); a factory must return an object.';

export const coreNotImported = () =>
  'BackgroundTasksDashboardModule: expected BackgroundTasksModule in the application, got none. ' +
  'Import BackgroundTasksModule.forRoot() in the root module.';

export const pageMissing = (folder: string) =>
  `BackgroundTasksDashboardModule: expected the files of the page in ${folder}, got none that can be read. ` +
  'Install nestjs-background-tasks again; if you bundle the application, leave this package out of the bundle.';

export const mayNotAct = () => 'You may look, but not change anything.';

export const fromElsewhere = () =>
  'The request comes from another page. Only the dashboard itself may change something.';

export const taskUnknown = () => 'No task with this id is known, or it is no longer kept.';

export const nothingHere = () => 'There is nothing at this address.';

export const queueUnknown = () => 'No task of this application names this queue.';

export const queueCannot = (what: string) => `The queue of this application can not ${what}.`;

export const wrongParameter = (name: string, expected: string) => `${name}: expected ${expected}.`;

export const tooManyPages = (max: number) =>
  `The dashboard is open ${max} times already. Close other pages: this one connects as soon as it can.`;

export const bodyUnreadable = () => 'The body: expected a JSON object.';

export const somethingFailed = () => 'Something failed. The log of the application has the reason.';

export const canActThrew = () =>
  "The dashboard's option canAct threw, so the request was refused. Return true or false.";

export const redactThrew = (name: string) =>
  `The dashboard's option redact threw for task "${name}", so the dashboard hides the values. This error appears once for each name.`;

export const redactAsync = (name: string) =>
  `The dashboard's option redact returned a promise for task "${name}", so the dashboard hides the values. Return the value itself. ` +
  'This error appears once for each name.';

export const requestFailed = () => 'A request to the dashboard failed.';
