export const storeUnavailable = (id: string) =>
  `TaskRegistry.get('${id}'): the store of task records failed. Read the cause, and check the option 'store'.`;
