export const storeUnavailable = (id: string) =>
  `TaskRegistry.get('${id}'): the record store failed. Read the cause, and check the option 'store'.`;
