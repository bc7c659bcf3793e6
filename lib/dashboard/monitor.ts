/** Injection token of the core's `TaskMonitor`. Without it, Nest's error for a missing core would name a class that users don't know. */
export const MONITOR = Symbol('MONITOR');
