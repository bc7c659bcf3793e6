import type { ComponentChildren } from 'preact';
import type { TaskStatus } from '../api/wire.ts';

interface IconProps {
  children: ComponentChildren;
  class?: string;
}

function Icon({ children, class: name }: IconProps) {
  return (
    <svg
      class={name ? `icon ${name}` : 'icon'}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

/** Each status has a shape of its own, so that colour is never the only difference. */
const shapes: Record<TaskStatus, ComponentChildren> = {
  pending: <circle cx="8" cy="8" r="4.75" stroke-dasharray="2.4 2.6" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.25" class="ring" />
      <path d="M8 2.75A5.25 5.25 0 0 1 13.25 8" class="arc" />
      <circle cx="8" cy="8" r="1.75" fill="currentColor" stroke="none" />
    </>
  ),
  completed: (
    <>
      <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" />
      <path d="m5.5 8.2 1.7 1.7 3.3-3.6" class="knocked" />
    </>
  ),
  failed: (
    <>
      <path d="M8 1.6 14.4 8 8 14.4 1.6 8Z" fill="currentColor" stroke="none" />
      <path d="M8 5.2v3.2M8 10.7v.01" class="knocked" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.25" />
      <path d="m4.4 11.6 7.2-7.2" />
    </>
  ),
  skipped: <path d="m3.5 4.5 3.5 3.5-3.5 3.5M8.5 4.5 12 8l-3.5 3.5" />,
};

export const StatusIcon = ({ status }: { status: TaskStatus }) => (
  <Icon class={`status-icon is-${status}`}>{shapes[status]}</Icon>
);

export const OverviewIcon = () => (
  <Icon>
    <path d="M2 13.5h12M3.5 11V7.5M6.5 11V3M9.5 11V6M12.5 11V8.5" />
  </Icon>
);
export const TasksIcon = () => (
  <Icon>
    <path d="M2.5 4h.01M2.5 8h.01M2.5 12h.01M5.5 4h8M5.5 8h8M5.5 12h8" />
  </Icon>
);
export const QueuesIcon = () => (
  <Icon>
    <path d="m8 2 6 3-6 3-6-3ZM2 8l6 3 6-3M2 11l6 3 6-3" />
  </Icon>
);
export const SchedulesIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 4.5V8l2.3 1.6" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.25" />
    <path d="m10.2 10.2 3.3 3.3" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const SystemThemeIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.5" />
    <path d="M8 2.5a5.5 5.5 0 0 1 0 11Z" fill="currentColor" />
  </Icon>
);
export const LightThemeIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.75" />
    <path d="M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7" />
  </Icon>
);
export const DarkThemeIcon = () => (
  <Icon>
    <path d="M13.5 9.6A5.9 5.9 0 0 1 6.4 2.5a5.9 5.9 0 1 0 7.1 7.1Z" />
  </Icon>
);
export const KeysIcon = () => (
  <Icon>
    <path d="M5.9 6a2.1 2.1 0 1 1 2.9 2c-.5.2-.8.6-.8 1.2v.3M8 12.2v.01" />
  </Icon>
);
export const LockIcon = () => (
  <Icon>
    <rect x="3" y="7" width="10" height="6.5" rx="1.5" />
    <path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2" />
  </Icon>
);
export const ArrowUpIcon = () => (
  <Icon>
    <path d="M8 13V3.5M4 7l4-4 4 4" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 3.5v-.2a.8.8 0 0 0-.8-.8H3.3a.8.8 0 0 0-.8.8v6.4c0 .4.4.8.8.8h.2" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path d="M5.5 3.5v9M10.5 3.5v9" />
  </Icon>
);
export const FilterIcon = () => (
  <Icon>
    <path d="M2 4h12M4.5 8h7M6.5 12h3" />
  </Icon>
);
