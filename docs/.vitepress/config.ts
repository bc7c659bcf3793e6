import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type DefaultTheme } from 'vitepress';
import { slugify } from './slugify.ts';

const docs = join(import.meta.dirname, '..');

/** The guides, in the order in which a new user needs them. A page that is not written yet is left out. */
const guides: Record<string, Record<string, string>> = {
  Introduction: {
    Start: 'start',
    'Concepts and guarantees': 'concepts',
    'Choosing a place': 'choosing',
  },
  'Running tasks': {
    'Following a task': 'following',
    'Retries and time limits': 'retries',
    Threads: 'threads',
    Queues: 'queues',
    'Queues in depth': 'queues-in-depth',
    Transactions: 'transactions',
    Schedules: 'schedules',
    'Chains and groups': 'flows',
    'Where you add tasks': 'places',
  },
  'Testing and watching': {
    Testing: 'testing',
    Observability: 'observability',
    Figures: 'figures',
    Dashboard: 'dashboard',
  },
  'In production': {
    Deploying: 'deploying',
    Bundlers: 'bundlers',
    Performance: 'performance',
  },
  Help: {
    Options: 'options',
    Errors: 'errors',
    Troubleshooting: 'troubleshooting',
    Recipes: 'recipes',
    Samples: 'samples',
  },
};

const sidebar: DefaultTheme.SidebarItem[] = Object.entries(guides).map(([text, pages]) => ({
  text,
  items: Object.entries(pages)
    .filter(([, page]) => existsSync(join(docs, `${page}.md`)))
    .map(([title, page]) => ({ text: title, link: `/${page}` })),
}));

const comingFrom = join(docs, 'coming-from');
if (existsSync(comingFrom)) {
  const items = readdirSync(comingFrom)
    .filter((file) => file.endsWith('.md') && file !== 'index.md')
    .toSorted()
    .map((file) => {
      const [, title = file] = /^# (.*)$/m.exec(readFileSync(join(comingFrom, file), 'utf8')) ?? [];
      return { text: title.replace(/^Coming from /, ''), link: `/coming-from/${file.slice(0, -3)}` };
    });
  sidebar.push({ text: 'Coming from …', collapsed: true, items });
}

const api = join(docs, 'api/typedoc-sidebar.json');
if (existsSync(api)) {
  const items = JSON.parse(readFileSync(api, 'utf8')) as DefaultTheme.SidebarItem[];
  sidebar.push({ text: 'API reference', link: '/api/', collapsed: true, items });
}

export default defineConfig({
  title: 'nestjs-background-tasks',
  description: 'Answer the client first, then do the work: background tasks for NestJS',
  // The page for people who change the package is read in the repository.
  srcExclude: ['architecture.md'],
  markdown: { anchor: { slugify } },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Recipes', link: '/recipes' },
      { text: 'API', link: '/api/' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
  },
});
