import type { TaskStatus } from '../api/wire.ts';
import { StatusIcon } from './icons.tsx';

export const statuses: TaskStatus[] = ['running', 'pending', 'completed', 'failed', 'cancelled', 'skipped'];

export const isSettled = (status: TaskStatus): boolean => status !== 'pending' && status !== 'running';

export const statusName = (status: TaskStatus): string => status.charAt(0).toUpperCase() + status.slice(1);

export const Status = ({ status }: { status: TaskStatus }) => (
  <span class={`status is-${status}`}>
    <StatusIcon status={status} />
    <span class="status-label">{statusName(status)}</span>
  </span>
);
