import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { MockServer, type MockServerOptions } from '../../ui/mock/mock-server.ts';
import { World, type WorldOptions } from '../../ui/mock/world.ts';
import { buildPage, findBrowser, TestBrowser } from '../fixtures/dashboard-page.ts';

export const executable = findBrowser();

/** What the tests of the page share: a browser and the built page. */
export function usePage() {
  let built: Awaited<ReturnType<typeof buildPage>>;
  let browser: TestBrowser;
  const servers: MockServer[] = [];
  /** Faults that a test expects, such as the console's line on an answer 404. */
  let expected: RegExp | undefined;

  beforeAll(async () => {
    if (executable !== undefined) {
      built = await buildPage();
      browser = await TestBrowser.start(executable);
    }
  });

  afterEach(async () => {
    const faults = (await browser.closePages()).filter((it) => !expected?.test(it));
    expected = undefined;
    await Promise.all(servers.splice(0).map((it) => it.stop()));
    expect(faults).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await built?.remove();
  });

  return {
    folder: () => built.folder,
    async serve(options: WorldOptions & Partial<MockServerOptions> = {}) {
      const { tasks, seed, showsArguments, ...others } = options;
      const world = others.world ?? new World({ tasks: tasks ?? 0, seed, showsArguments });
      const server = new MockServer({ ...others, world, page: built.folder });
      await server.start();
      servers.push(server);
      return { world, server };
    },
    open: async (...parameters: Parameters<TestBrowser['open']>) => browser.open(...parameters),
    expectFaults(pattern: RegExp) {
      expected = pattern;
    },
  };
}
