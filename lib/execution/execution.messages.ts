export const notProvided = (name: string, className: string) =>
  `Task "${name}" was not accepted: no module of this application provides ${className}. ` +
  `Add it to the providers of a module, or give an object that has the method instead of its class.`;

export const providedWithoutMethod = (name: string, came: string, method: string) =>
  `Task "${name}": expected what the application provides for its class to have a method '${method}'; got ${came}.`;
