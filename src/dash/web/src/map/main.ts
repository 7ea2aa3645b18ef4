// What pages with a map load besides: the countries' shapes, and how they and points lie on a plane.
export { map } from './map.js';
