export { default as Queue } from 'yocto-queue';
