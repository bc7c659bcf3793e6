/** A symbol, so that no class of an application has it by chance. Shared, because an application may load two copies. */
const OWN_ROUTES = Symbol.for('nestjs-background-tasks.ownRoutes');

/** Marks a controller of this package: its requests add no tasks. */
export function markOwnRoutes(controller: object): void {
  Object.defineProperty(controller, OWN_ROUTES, { value: true });
}

export function hasOwnRoutes(controller: object): boolean {
  return OWN_ROUTES in controller;
}
