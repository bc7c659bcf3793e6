export const notProvided = (name: string, className: string) =>
  `Task "${name}": expected a module of the application to provide ${className}, but none does. ` +
  'Add it to the providers of a module, or pass an object that has the method instead of its class.';

export const providedWithoutMethod = (name: string, came: string, method: string) =>
  `Task "${name}": expected the provider of the class to have a method '${method}', got ${came}. ` +
  'Provide an object that has this method.';

export const durableInClass = (name: string, className: string) =>
  `Task "${name}": expected the class whose method has @Task({ queue }), got a class without it. ` +
  `Pass ${className}, or the injected object.`;

export const providerNotReady = (name: string, limit: number) =>
  `Task "${name}": expected Nest to make its provider within ${limit} ms, and it did not. ` +
  'Check the factories and constructors of the provider and of what it injects.';
