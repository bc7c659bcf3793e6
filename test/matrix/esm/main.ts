import { serve } from '../app/serve.ts';
import { digestTask } from './digest.task.ts';

void serve(digestTask);
