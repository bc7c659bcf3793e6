import { defineTask } from 'nestjs-background-tasks/task';
import { digest } from '../app/digest.ts';

export const digestTask = defineTask(digest, { thread: __filename });
