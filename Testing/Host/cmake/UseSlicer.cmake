# The macros that the CMake lists of scripted modules call. They take the arguments that Slicer's take, and no others.

include(CTest)

if(NOT EXTENSION_NAME)
  set(EXTENSION_NAME ${PROJECT_NAME})
endif()

# CTK's macro: copies scripts and resources into the build, and installs them with their folders.
macro(ctkMacroCompilePythonScript)
  cmake_parse_arguments(CTK "NO_INSTALL_SUBDIR;GLOBAL_TARGET" "TARGET_NAME;DESTINATION_DIR;INSTALL_DIR" "SCRIPTS;RESOURCES" ${ARGN})
  if(CTK_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ctkMacroCompilePythonScript: unknown arguments ${CTK_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file ${CTK_SCRIPTS} ${CTK_RESOURCES})
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/${file} DESTINATION ${CTK_INSTALL_DIR}/${folder})
  endforeach()
endmacro()

if(SLICER_SOURCE)
  set(Slicer_CMAKE_DIR ${SLICER_SOURCE}/CMake)
  list(APPEND CMAKE_MODULE_PATH ${Slicer_CMAKE_DIR})
  set(Slicer_PYTHON_MODULE_TEST_TEMPLATES_DIR ${SLICER_SOURCE}/Base/QTCore/Testing/Python)
  if(NOT EXISTS ${Slicer_PYTHON_MODULE_TEST_TEMPLATES_DIR}/qSlicerModuleGenericTest.py.in)
    set(Slicer_PYTHON_MODULE_TEST_TEMPLATES_DIR ${CMAKE_BINARY_DIR})
    file(WRITE ${CMAKE_BINARY_DIR}/qSlicerModuleGenericTest.py.in "")
  endif()
  set(Slicer_ExternalData_DATA_MANAGEMENT_TARGET ${EXTENSION_NAME}Data)
  include(ExternalData)
  include(SlicerMacroBuildScriptedModule)
  include(SlicerMacroConfigureGenericPythonModuleTests)
  include(SlicerMacroPythonTesting)
else()
  macro(slicerMacroBuildScriptedModule)
    cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
    if(MODULE_UNPARSED_ARGUMENTS OR NOT DEFINED MODULE_NAME)
      message(FATAL_ERROR "slicerMacroBuildScriptedModule: unknown arguments ${MODULE_UNPARSED_ARGUMENTS}, or no NAME")
    endif()
    foreach(file ${MODULE_SCRIPTS} ${MODULE_RESOURCES})
      if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
        message(FATAL_ERROR "slicerMacroBuildScriptedModule: there is no file ${file}")
      endif()
    endforeach()
    ctkMacroCompilePythonScript(
      TARGET_NAME ${MODULE_NAME}
      SCRIPTS "${MODULE_SCRIPTS}"
      RESOURCES "${MODULE_RESOURCES}"
      DESTINATION_DIR ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}
      INSTALL_DIR ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}
      NO_INSTALL_SUBDIR
      )
    if(BUILD_TESTING AND MODULE_WITH_GENERIC_TESTS)
      slicer_add_python_unittest(SCRIPT qSlicer${MODULE_NAME}ModuleGenericTest.py TESTNAME_PREFIX nomainwindow_)
    endif()
  endmacro()

  macro(slicer_add_python_unittest)
    cmake_parse_arguments(UNIT "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
    if(UNIT_UNPARSED_ARGUMENTS OR NOT DEFINED UNIT_SCRIPT)
      message(FATAL_ERROR "slicer_add_python_unittest: unknown arguments ${UNIT_UNPARSED_ARGUMENTS}, or no SCRIPT")
    endif()
    get_filename_component(test_name ${UNIT_SCRIPT} NAME_WE)
    add_test(NAME py_${UNIT_TESTNAME_PREFIX}${test_name} COMMAND ${Slicer_LAUNCHER_EXECUTABLE} ${test_name} ${UNIT_SLICER_ARGS})
  endmacro()
endif()
