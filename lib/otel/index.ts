export {
  BackgroundTasksInstrumentation,
  type BackgroundTasksInstrumentationConfig,
} from './background-tasks.instrumentation.ts';
