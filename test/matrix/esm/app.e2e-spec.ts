import { testApp } from '../app/test-app.ts';
import { digestTask } from './digest.task.ts';

testApp(digestTask);
