import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { canAct, connection, hello } from './api/live.ts';
import { KeyHelp } from './keys/help.tsx';
import { isHelpOpen, useKeys } from './keys/keys.ts';
import { Confirmation } from './parts/confirm.tsx';
import { Empty } from './parts/empty.tsx';
import {
  DarkThemeIcon,
  KeysIcon,
  LightThemeIcon,
  LockIcon,
  OverviewIcon,
  QueuesIcon,
  SchedulesIcon,
  SystemThemeIcon,
  TasksIcon,
} from './parts/icons.tsx';
import { Notices } from './parts/notices.tsx';
import { href, location, navigate, view, type View } from './state/location.ts';
import { nextTheme, theme } from './state/theme.ts';
import { Overview } from './views/overview/overview.tsx';
import { Queues } from './views/queues.tsx';
import { Schedules } from './views/schedules.tsx';
import { Task } from './views/task/task.tsx';
import { focusSearch, Tasks } from './views/tasks/tasks.tsx';

const links = [
  { name: 'overview', path: '/', label: 'Overview', icon: <OverviewIcon /> },
  { name: 'tasks', path: '/tasks', label: 'Tasks', icon: <TasksIcon /> },
  { name: 'queues', path: '/queues', label: 'Queues', icon: <QueuesIcon /> },
  { name: 'schedules', path: '/schedules', label: 'Schedules', icon: <SchedulesIcon /> },
] as const;

const themes = {
  system: { icon: <SystemThemeIcon />, label: 'Colours: as the system' },
  light: { icon: <LightThemeIcon />, label: 'Colours: light' },
  dark: { icon: <DarkThemeIcon />, label: 'Colours: dark' },
};

export function App() {
  const { name } = view.value;
  const main = useRef<HTMLElement>(null);
  const path = useRef(location.value.path);
  useKeys({
    'g o': () => navigate('/'),
    'g t': () => navigate('/tasks'),
    'g q': () => navigate('/queues'),
    'g s': () => navigate('/schedules'),
    '/': focusSearch,
    '?': () => (isHelpOpen.value = true),
  });
  const title = hello.value?.title ?? 'Background tasks';
  useEffect(() => {
    const label = links.find((it) => it.name === name)?.label ?? 'Task';
    document.title = `${label} · ${title}`;
    // A screen reader then reads from the beginning of the new view.
    if (path.current !== location.value.path) {
      path.current = location.value.path;
      if (!(document.activeElement instanceof HTMLInputElement)) {
        main.current?.focus({ preventScroll: true });
      }
      window.scrollTo(0, 0);
    }
  }, [location.value.path, title]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={href('/')}>
          <Mark />
          <span class="brand-name">{title}</span>
        </a>
        <nav aria-label="Views" class="nav">
          {links.map((link) => (
            <a
              key={link.name}
              href={href(link.path)}
              aria-current={link.name === name || (link.name === 'tasks' && name === 'task') ? 'page' : undefined}
            >
              {link.icon}
              <span>{link.label}</span>
            </a>
          ))}
        </nav>
        <div class="tools">
          {hello.value !== undefined && !canAct.value && (
            <span class="chip" title="canAct refuses you: you can look, but change nothing.">
              <LockIcon />
              <span>Read-only</span>
            </span>
          )}
          <Connection />
          <button
            type="button"
            class="button icon-only quiet"
            aria-label={themes[theme.value].label}
            title={themes[theme.value].label}
            onClick={nextTheme}
          >
            {themes[theme.value].icon}
          </button>
          <button
            type="button"
            class="button icon-only quiet keys-button"
            aria-label="Keys"
            title="Keys (?)"
            onClick={() => (isHelpOpen.value = true)}
          >
            <KeysIcon />
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} class={`main view-${name}`}>
        {connection.value === 'refused' ? <Refused /> : <Current view={view.value} />}
      </main>
      <Notices />
      <KeyHelp />
      <Confirmation />
    </>
  );
}

const connections = {
  connecting: { label: 'Connecting', title: 'Connecting to the server' },
  live: { label: 'Live', title: 'What you see is live' },
  lost: {
    label: 'Reconnecting',
    title: 'The connection is lost. The page tries again, and then reloads what it shows.',
  },
  refused: { label: 'Refused', title: 'The server refuses this session' },
};

function Connection() {
  const { label, title } = connections[connection.value];
  return (
    <span class={`connection is-${connection.value}`} title={title} role="status">
      <span class="dot" aria-hidden="true" />
      <span class="connection-label">{label}</span>
    </span>
  );
}

const Mark = () => (
  <svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
    <rect width="20" height="20" rx="5.5" class="mark-back" />
    <path d="M5 6.5h10M5 10h6M5 13.5h3.5" class="mark-lines" />
    <circle cx="14" cy="13" r="2.1" class="mark-dot" />
  </svg>
);

const Refused = () => (
  <Empty title="The server refuses this session">
    <p>Sign in again, then load this page again.</p>
    <button type="button" class="button" onClick={() => window.location.reload()}>
      Load again
    </button>
  </Empty>
);

function Current({ view: shown }: { view: View }): JSX.Element {
  switch (shown.name) {
    case 'overview':
      return <Overview />;
    case 'tasks':
      return <Tasks />;
    case 'task':
      return <Task key={shown.id} id={shown.id} />;
    case 'queues':
      return <Queues />;
    case 'schedules':
      return <Schedules />;
    case 'unknown':
      return <Nowhere />;
    default:
      return shown satisfies never;
  }
}

const Nowhere = () => (
  <Empty title="There is nothing at this address">
    <a class="button" href={href('/')}>
      Go to the overview
    </a>
  </Empty>
);
