export const storeUnavailable = (id: string) =>
  `The record of task ${id} could not be read: the store of task records failed. See the cause.`;
