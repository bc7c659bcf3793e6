/** Makes a function that runs at once, and then at most once in `ms`. A call in between runs at the end of that time. */
export function throttle(run: () => void, ms: number): (() => void) & { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsked = false;
  const begin = () => {
    isAsked = false;
    run();
    timer = setTimeout(() => {
      timer = undefined;
      if (isAsked) {
        begin();
      }
    }, ms);
  };
  const throttled = () => {
    isAsked = true;
    if (timer === undefined) {
      begin();
    }
  };
  return Object.assign(throttled, {
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
      isAsked = false;
    },
  });
}
