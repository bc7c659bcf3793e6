import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { BackgroundTasksModuleOptions } from './background-tasks.options.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<BackgroundTasksModuleOptions>({ moduleName: 'BackgroundTasks' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createBackgroundTasksOptions')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
