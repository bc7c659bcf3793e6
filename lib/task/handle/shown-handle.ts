/** What `util.inspect` takes the name from: it asks for the constructor of an object. */
const { BackgroundTask: ShownHandle } = { BackgroundTask: class {} };

/**
 * By handle: what `util.inspect` shows. The same object each time, so that it notices a handle in its own result: it would
 * show texts for ever.
 */
const shown = new WeakMap<object, object>();

/** @returns an object with the fields of a record, for `util.inspect` to show with the options of its caller */
export function showHandle(handle: object, record: object): object {
  const view = shown.get(handle) ?? new ShownHandle();
  shown.set(handle, view);
  for (const key of Object.keys(view).filter((it) => !Object.hasOwn(record, it))) {
    Reflect.deleteProperty(view, key);
  }
  return Object.assign(view, record);
}
